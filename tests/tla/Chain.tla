------------------------------- MODULE Chain -------------------------------
(***************************************************************************)
(* The versions of one item: how each waits for the one before it, is      *)
(* woken by it, fails, is retried or skipped, and is found by the sweep.   *)
(*                                                                         *)
(* An action is one call to DynamoDB or to Step Functions, or one fault.   *)
(* docs/model.md names the function behind each action.  Not in it: the    *)
(* express lane, synchronous publishes, imports' rows and expiry.          *)
(***************************************************************************)
EXTENDS Naturals, Sequences, FiniteSets

CONSTANTS
    Last,          \* versions 1 to Last are published, in this order
    MostAttempts,  \* of one version; more would be a restart without end
    MayHappen,     \* how often each fault may happen, and each order of an operator
    Sweeps,        \* whether the sweep is there
    Without        \* rules that are left out: a property has to turn red

VARIABLES
    item,    \* the process item of each version
    data,    \* the version that the data row is at
    view,    \* the version that the read model is at
    run,     \* the execution of each attempt
    starts,  \* attempts that the stream has still to start
    calls,   \* programs at work: Lambdas, the sweep, operators
    left     \* what may still happen, and how often

vars == <<item, data, view, run, starts, calls, left>>

Versions == 1..Last
Attempts == 1..(MostAttempts + 1)
Unpublished == [outcome |-> "NONE", attempt |-> 0, token |-> 0, fresh |-> FALSE]
New == [outcome |-> "OPEN", attempt |-> 1, token |-> 0, fresh |-> TRUE]
Idle == [state |-> "none", tries |-> 0, error |-> "none"]

Settled == {"APPLIED", "SKIPPED"}
Repairable == {"FAILED", "BLOCKED"}
Open == {"OPEN", "WAITING"}

Owns(v, a) ==
    /\ item[v].outcome \in Open
    /\ item[v].attempt = a \/ "fence" \in Without

Max(a, b) == IF a > b THEN a ELSE b

(***************************************************************************)
(* A program makes one call at a time.  `pc` is its next call, `todo` are  *)
(* the versions that it has still to wake.  A task's execution waits for   *)
(* it; for a program that is no task, nobody waits.                        *)
(***************************************************************************)
Program(kind, v, a, first) ==
    [kind |-> kind, v |-> v, a |-> a, pc |-> first, at |-> 0, mine |-> Unpublished,
     before |-> 0, outcome |-> "NONE", seen |-> 0, todo |-> <<>>, task |-> FALSE, tries |-> 0,
     error |-> "none"]

First(state) ==
    CASE state = "check_version" -> "Begin"
      [] state = "wait_prev_command" -> "Park"
      [] state = "transform_data" -> "Begin"
      [] state = "sync_data" -> "Project"
      [] state = "finish" -> "Close"
      [] state = "mark_failed" -> "Close"

Tasks(v, a, state, tries, error) ==
    IF state = "ended" THEN {}
    ELSE {[Program(state, v, a, First(state)) EXCEPT
              !.task = TRUE, !.tries = tries, !.error = error]}

Entered(state, error) == [state |-> state, tries |-> 0, error |-> error]

(* The program is over.  If it is a task, its execution enters a state. *)
Over(p, state, error) ==
    IF p.task
    THEN /\ run' = [run EXCEPT ![<<p.v, p.a>>] = Entered(state, error)]
         /\ calls' = (calls \ {p}) \cup Tasks(p.v, p.a, state, 0, error)
    ELSE /\ calls' = calls \ {p}
         /\ UNCHANGED run

(* It has woken all that it had to.  An execution that waits stays where it is. *)
Finished(p) ==
    IF p.kind \in {"finish", "mark_failed"}
    THEN Over(p, "ended", "none")
    ELSE /\ calls' = calls \ {p}
         /\ UNCHANGED run

GoesOn(p, after) ==
    /\ calls' = (calls \ {p}) \cup {after}
    /\ UNCHANGED run

(* Take up the next version to wake. *)
Next1(p, todo) ==
    IF todo = <<>> THEN Finished(p)
    ELSE LET job == Head(todo)
         IN GoesOn(p, [p EXCEPT !.todo = todo, !.pc = job[1],
                                !.at = IF job[1] = "Above" THEN job[2] + 1 ELSE job[2],
                                !.mine = Unpublished, !.before = 0, !.outcome = "NONE"])

Works(p) == IF p.todo = <<>> THEN p.v ELSE Head(p.todo)[2]

(***************************************************************************)
(* Whose turn it is: the predecessor was read first, then the data row.    *)
(***************************************************************************)
Turn(v, before, outcome) ==
    IF data >= v THEN (IF data = v THEN "now" ELSE "too late")
    ELSE IF before = 0 THEN "now"
    ELSE IF outcome = "APPLIED" /\ data >= before THEN "now"
    ELSE IF outcome \in Repairable THEN "blocked"
    ELSE "wait"

----------------------------------------------------------------------------
(* The calls. *)

Publish ==
    \E v \in Versions :
        /\ item[v].outcome = "NONE"
        /\ \A u \in 1..(v - 1) : item[u].outcome # "NONE"
        /\ item' = [item EXCEPT ![v] = New]
        /\ starts' = starts \cup {<<v, 1>>}
        /\ UNCHANGED <<data, view, run, calls, left>>

(* The stream starts an attempt; its name makes a second start harmless. *)
Started(e) ==
    IF run[e].state = "none"
    THEN /\ run' = [run EXCEPT ![e] = Entered("check_version", "none")]
         /\ calls' = calls \cup Tasks(e[1], e[2], "check_version", 0, "none")
    ELSE UNCHANGED <<run, calls>>

Start ==
    \E e \in starts :
        /\ starts' = starts \ {e}
        /\ Started(e)
        /\ UNCHANGED <<item, data, view, left>>

(* The first state precedes the wait: if it comes late, the token stays. *)
Begin(p) ==
    /\ p.pc = "Begin"
    /\ IF Owns(p.v, p.a) /\ (p.kind = "check_version" => item[p.v].token = 0)
       THEN /\ item' = [item EXCEPT ![p.v].outcome = "OPEN", ![p.v].fresh = FALSE]
            /\ IF p.kind = "check_version"
               THEN GoesOn(p, [p EXCEPT !.pc = "Before", !.at = p.v])
               ELSE GoesOn(p, [p EXCEPT !.pc = "ReadRow"])
       ELSE /\ Over(p, "mark_failed", "failed")
            /\ UNCHANGED item
    /\ UNCHANGED <<data, view, starts, left>>

(* Look for the nearest version below that is not skipped; `at` is the one above. *)
Before(p) ==
    LET below == p.at - 1 IN
    /\ p.pc = "Before"
    /\ IF below > 0 /\ item[below].outcome = "SKIPPED"
       THEN GoesOn(p, [p EXCEPT !.at = below])
       ELSE GoesOn(p, [p EXCEPT !.pc = "Data", !.before = below,
                                !.outcome = IF below > 0 THEN item[below].outcome ELSE "NONE"])
    /\ UNCHANGED <<item, data, view, starts, left>>

(* Read the data row, and decide. *)
Data(p) ==
    LET turn == Turn(Works(p), p.before, p.outcome) IN
    /\ p.pc = "Data"
    /\ CASE p.kind = "check_version" ->
              Over(p, CASE turn = "now" -> "transform_data"
                        [] turn = "wait" -> "wait_prev_command"
                        [] OTHER -> "mark_failed",
                   IF turn = "blocked" THEN "blocked" ELSE "failed")
         [] p.kind = "sweep" /\ p.todo = <<>> ->
              IF turn = "wait" THEN Finished(p) ELSE GoesOn(p, [p EXCEPT !.pc = "Describe"])
         [] p.mine.outcome = "WAITING" /\ turn # "wait" ->
              GoesOn(p, [p EXCEPT !.pc = IF turn = "now" THEN "Succeed" ELSE "Reject",
                                  !.error = IF turn = "blocked" THEN "blocked" ELSE "failed"])
         [] p.mine.outcome = "BLOCKED" /\ turn = "now" ->
              GoesOn(p, [p EXCEPT !.pc = "Restart"])
         [] OTHER -> Next1(p, Tail(p.todo))
    /\ UNCHANGED <<item, data, view, starts, left>>

(* Store the token of the wait, then look whether the wait is over already. *)
Park(p) ==
    /\ p.pc = "Park"
    /\ IF Owns(p.v, p.a) /\ item[p.v].token <= p.tries
       THEN /\ item' = [item EXCEPT ![p.v].outcome = "WAITING", ![p.v].fresh = FALSE,
                                    ![p.v].token = p.tries + 1]
            /\ IF "look" \in Without
               THEN Finished(p)
               ELSE Next1(p, <<<<"Wake", p.v>>>>)
       ELSE /\ UNCHANGED item
            /\ IF Owns(p.v, p.a) THEN Finished(p) ELSE Over(p, "mark_failed", "failed")
    /\ UNCHANGED <<data, view, starts, left>>

(* Look for the nearest version above that is not skipped. *)
Above(p) ==
    /\ p.pc = "Above"
    /\ IF p.at > Last \/ item[p.at].outcome = "NONE"
       THEN Next1(p, Tail(p.todo))
       ELSE IF item[p.at].outcome = "SKIPPED"
            THEN GoesOn(p, [p EXCEPT !.at = p.at + 1])
            ELSE Next1(p, <<<<"Wake", p.at>>>> \o Tail(p.todo))
    /\ UNCHANGED <<item, data, view, starts, left>>

(* Look whether a version waits, or is blocked, and need not any more. *)
Wake(p) ==
    LET found == item[p.at] IN
    /\ p.pc = "Wake"
    /\ IF found.outcome \in {"WAITING", "BLOCKED"}
       THEN GoesOn(p, [p EXCEPT !.mine = found, !.pc = "Before"])
       ELSE Next1(p, Tail(p.todo))
    /\ UNCHANGED <<item, data, view, starts, left>>

(* End a wait.  A token of an earlier try, or a used one, ends nothing. *)
EndWait(p) ==
    LET v == Head(p.todo)[2]
        e == <<v, p.mine.attempt>>
        waits == /\ run[e].state = "wait_prev_command"
                 /\ run[e].tries = p.mine.token - 1
        its == {q \in calls : q.task /\ q.v = v /\ q.a = p.mine.attempt}
        state == IF p.pc = "Succeed" THEN "transform_data" ELSE "mark_failed"
        rest == Tail(p.todo)
        after == [p EXCEPT !.todo = rest, !.pc = IF rest = <<>> THEN "Nothing" ELSE Head(rest)[1],
                           !.at = IF rest = <<>> THEN 0
                                  ELSE Head(rest)[2] + (IF Head(rest)[1] = "Above" THEN 1 ELSE 0),
                           !.mine = Unpublished, !.before = 0, !.outcome = "NONE",
                           !.task = p.task /\ p \notin its, !.error = "none"]
    IN
    /\ p.pc \in {"Succeed", "Reject"}
    /\ IF waits
       THEN /\ run' = [run EXCEPT ![e] = Entered(state, p.error)]
            /\ calls' = (calls \ (its \cup {p}))
                        \cup {[q EXCEPT !.task = FALSE] : q \in its \ {p}}
                        \cup {after}
                        \cup Tasks(v, p.mine.attempt, state, 0, p.error)
       ELSE Next1([p EXCEPT !.error = p.error], rest)
    /\ UNCHANGED <<item, data, view, starts, left>>

(* What a program has to do that has ended its own wait: nothing. *)
Nothing(p) ==
    /\ p.pc = "Nothing"
    /\ Finished(p)
    /\ UNCHANGED <<item, data, view, starts, left>>

ReadRow(p) ==
    /\ p.pc = "ReadRow"
    /\ IF data >= p.v
       THEN Over(p, "sync_data", "none")
       ELSE GoesOn(p, [p EXCEPT !.pc = "WriteRow", !.seen = data])
    /\ UNCHANGED <<item, data, view, starts, left>>

(* The data row moves from the version that was read, or not at all: then it is read again. *)
WriteRow(p) ==
    /\ p.pc = "WriteRow"
    /\ IF data = p.seen \/ "row" \in Without
       THEN data' = p.v /\ Over(p, "sync_data", "none")
       ELSE UNCHANGED data /\ GoesOn(p, [p EXCEPT !.pc = "ReadRow", !.seen = 0])
    /\ UNCHANGED <<item, view, starts, left>>

(* A handler brings the version into the read model, which guards itself. *)
Project(p) ==
    /\ p.pc = "Project"
    /\ view' = Max(view, p.v)
    /\ Over(p, "finish", "none")
    /\ UNCHANGED <<item, data, starts, left>>

(* Write the outcome, then wake the next version. *)
Close(p) ==
    LET outcome == IF p.kind = "finish" THEN "APPLIED"
                   ELSE IF p.error = "blocked" THEN "BLOCKED" ELSE "FAILED"
        stored == IF Owns(p.v, p.a) THEN outcome ELSE item[p.v].outcome
        self == IF stored = "BLOCKED" THEN <<<<"Wake", p.v>>>> ELSE <<>>
        next == IF "wake" \in Without THEN <<>> ELSE <<<<"Above", p.v>>>>
    IN
    /\ p.pc = "Close"
    /\ item' = IF Owns(p.v, p.a)
               THEN [item EXCEPT ![p.v].outcome = outcome, ![p.v].fresh = FALSE]
               ELSE item
    /\ IF item[p.v].attempt = p.a \/ "fence" \in Without
       THEN Next1(p, self \o next)
       ELSE Over(p, "ended", "none")
    /\ UNCHANGED <<data, view, starts, left>>

Opened(v) ==
    /\ item' = [item EXCEPT ![v] = [New EXCEPT !.attempt = item[v].attempt + 1]]
    /\ starts' = starts \cup {<<v, item[v].attempt + 1>>}

(* Open the next attempt, once. *)
Restart(p) ==
    LET v == Works(p) IN
    /\ p.pc = "Restart"
    /\ IF item[v].attempt = p.mine.attempt /\ item[v].outcome \in Repairable
       THEN Opened(v)
       ELSE UNCHANGED <<item, starts>>
    /\ Next1(p, IF p.todo = <<>> THEN <<>> ELSE Tail(p.todo))
    /\ UNCHANGED <<data, view, left>>

Skip(p) ==
    /\ p.pc = "Skip"
    /\ IF item[p.v].attempt = p.mine.attempt /\ item[p.v].outcome \in Repairable
       THEN /\ item' = [item EXCEPT ![p.v].outcome = "SKIPPED"]
            /\ Next1(p, <<<<"Above", p.v>>>>)
       ELSE UNCHANGED item /\ Finished(p)
    /\ UNCHANGED <<data, view, starts, left>>

(* An operator, or the sweep, reads the item first. *)
Look(p) ==
    LET found == item[p.v]
        after == [p EXCEPT !.mine = found, !.a = found.attempt]
    IN
    /\ p.pc = "Look"
    /\ CASE p.kind \in {"retry", "skip"} ->
              IF found.outcome \in Repairable
              THEN GoesOn(p, [after EXCEPT !.pc = IF p.kind = "retry" THEN "Restart" ELSE "Skip"])
              ELSE Finished(p)
         [] found.outcome = "BLOCKED" -> Next1(p, <<<<"Wake", p.v>>>>)
         [] found.outcome = "WAITING" -> GoesOn(p, [after EXCEPT !.pc = "Before", !.at = p.v])
         [] found.outcome = "OPEN" ->
              GoesOn(p, [after EXCEPT !.pc = IF found.fresh THEN "StartIt" ELSE "Describe"])
         [] OTHER -> Finished(p)
    /\ UNCHANGED <<item, data, view, starts, left>>

(* The sweep starts what no state has begun; this changes nothing if it runs. *)
StartIt(p) ==
    LET e == <<p.v, p.a>> IN
    /\ p.pc = "StartIt"
    /\ IF run[e].state = "none"
       THEN /\ run' = [run EXCEPT ![e] = Entered("check_version", "none")]
            /\ calls' = (calls \ {p}) \cup Tasks(p.v, p.a, "check_version", 0, "none")
       ELSE IF run[e].state = "ended"
            THEN GoesOn(p, [p EXCEPT !.pc = "Describe"])
            ELSE Finished(p)
    /\ UNCHANGED <<item, data, view, starts, left>>

(* The sweep closes what has ended without an outcome, and wakes what waits. *)
Describe(p) ==
    LET e == <<p.v, p.a>> IN
    /\ p.pc = "Describe"
    /\ CASE run[e].state = "none" -> GoesOn(p, [p EXCEPT !.pc = "StartIt"])
         [] run[e].state = "ended" -> GoesOn(p, [p EXCEPT !.pc = "Close", !.error = "failed"])
         [] run[e].state \notin {"none", "ended"} /\ p.mine.outcome = "WAITING" ->
              Next1(p, <<<<"Wake", p.v>>>>)
         [] OTHER -> Finished(p)
    /\ UNCHANGED <<item, data, view, starts, left>>

Step(p) ==
    \/ Begin(p) \/ Before(p) \/ Data(p) \/ Park(p) \/ Above(p) \/ Wake(p) \/ EndWait(p)
    \/ Nothing(p) \/ ReadRow(p) \/ WriteRow(p) \/ Project(p) \/ Close(p) \/ Restart(p)
    \/ Skip(p) \/ Look(p) \/ StartIt(p) \/ Describe(p)

(* The sweep comes when nothing else is at work, again and again. *)
SweepLooks(v) ==
    /\ Sweeps
    /\ calls = {} /\ starts = {}
    /\ item[v].outcome \in Open \cup {"BLOCKED"}
    /\ calls' = {Program("sweep", v, 0, "Look")}
    /\ UNCHANGED <<item, data, view, run, starts, left>>

----------------------------------------------------------------------------
(* Faults, and orders of an operator. *)

Spend(what) == left[what] > 0 /\ left' = [left EXCEPT ![what] = left[what] - 1]

(* A task is tried again, or the state's Catch leads on. *)
Lost(p, others) ==
    LET e == <<p.v, p.a>> IN
    \/ /\ p.tries = 0
       /\ run' = [run EXCEPT ![e].tries = 1]
       /\ calls' = others \cup Tasks(p.v, p.a, run[e].state, 1, p.error)
    \/ LET state == IF run[e].state = "mark_failed" THEN "ended" ELSE "mark_failed" IN
       /\ run' = [run EXCEPT ![e] = Entered(state, "failed")]
       /\ calls' = others \cup Tasks(p.v, p.a, state, 0, "failed")

Crash ==
    \E p \in calls :
        /\ Spend("crash")
        /\ IF p.task THEN Lost(p, calls \ {p}) ELSE calls' = calls \ {p} /\ UNCHANGED run
        /\ UNCHANGED <<item, data, view, starts>>

(* A task is given up while its function goes on. *)
Zombie ==
    \E p \in calls :
        /\ p.task
        /\ Spend("zombie")
        /\ Lost(p, (calls \ {p}) \cup {[p EXCEPT !.task = FALSE]})
        /\ UNCHANGED <<item, data, view, starts>>

(* A handler raises an error. *)
Fail ==
    \E p \in calls :
        /\ p.pc = "Project"
        /\ Spend("fail")
        /\ Over(p, "mark_failed", "failed")
        /\ UNCHANGED <<item, data, view, starts>>

(* A wait lasts too long. *)
Timeout ==
    \E e \in Versions \X Attempts :
        /\ run[e].state = "wait_prev_command"
        /\ Spend("timeout")
        /\ run' = [run EXCEPT ![e] = Entered("mark_failed", "failed")]
        /\ calls' = {[q EXCEPT !.task = q.task /\ <<q.v, q.a>> # e] : q \in calls}
                    \cup Tasks(e[1], e[2], "mark_failed", 0, "failed")
        /\ UNCHANGED <<item, data, view, starts>>

(* An execution is aborted. *)
Abort ==
    \E e \in Versions \X Attempts :
        /\ run[e].state \notin {"none", "ended"}
        /\ Spend("abort")
        /\ run' = [run EXCEPT ![e] = Entered("ended", "none")]
        /\ calls' = {[q EXCEPT !.task = q.task /\ <<q.v, q.a>> # e] : q \in calls}
        /\ UNCHANGED <<item, data, view, starts>>

(* The stream never delivers the record that starts an attempt. *)
LoseStart ==
    \E e \in starts :
        /\ Spend("lost")
        /\ starts' = starts \ {e}
        /\ UNCHANGED <<item, data, view, run, calls>>

(* The sweep comes while others are at work. *)
EarlySweep ==
    \E v \in Versions :
        /\ item[v].outcome \in Open \cup {"BLOCKED"}
        /\ Spend("sweep")
        /\ calls' = calls \cup {Program("sweep", v, 0, "Look")}
        /\ UNCHANGED <<item, data, view, run, starts>>

Operator ==
    \E v \in Versions, order \in {"retry", "skip"} :
        /\ item[v].outcome \in Repairable
        /\ Spend(order)
        /\ calls' = calls \cup {Program(order, v, 0, "Look")}
        /\ UNCHANGED <<item, data, view, run, starts>>

----------------------------------------------------------------------------
Init ==
    /\ item = [v \in Versions |-> Unpublished]
    /\ data = 0
    /\ view = 0
    /\ run = [e \in Versions \X Attempts |-> Idle]
    /\ starts = {}
    /\ calls = {}
    /\ left = MayHappen

Work == Publish \/ Start \/ \E p \in calls : Step(p)
Fault == Crash \/ Zombie \/ Fail \/ Timeout \/ Abort \/ LoseStart \/ EarlySweep \/ Operator

Next == Work \/ Fault \/ \E v \in Versions : SweepLooks(v)

(* Work goes on, and the sweep comes to each version; no fault has to happen. *)
Spec == Init /\ [][Next]_vars /\ WF_vars(Work) /\ \A v \in Versions : SF_vars(SweepLooks(v))

----------------------------------------------------------------------------
(* Properties. *)

(* A handler runs only after every earlier version is applied, or skipped. *)
InOrder ==
    \A p \in calls : p.pc = "Project" => \A u \in 1..(p.v - 1) : item[u].outcome \in Settled

(* A handler finds its own item at its version, or later. *)
RowFirst == \A p \in calls : p.pc = "Project" => data >= p.v

(* What is applied is in the read model. *)
NothingLost == \A v \in Versions : item[v].outcome = "APPLIED" => view >= v

(* No version is restarted without end. *)
Bounded == \A v \in Versions : item[v].attempt <= MostAttempts

(* The data row, and the read model, never go back. *)
NeverBack == [][data' >= data /\ view' >= view]_vars

(* What is applied or skipped stays so. *)
Final == [][\A v \in Versions : item[v].outcome \in Settled => item'[v].outcome = item[v].outcome]_vars

(* A version ends only when the execution of its own attempt is at its end. *)
OwnEnd ==
    [][\A v \in Versions :
         /\ item'[v].outcome \in {"APPLIED", "FAILED", "BLOCKED"}
         /\ item'[v].outcome # item[v].outcome
         => run[<<v, item[v].attempt>>].state \in {"finish", "mark_failed", "ended"}]_vars

IsAtRest(v) ==
    \/ item[v].outcome \in Settled \cup {"FAILED"}
    \/ item[v].outcome = "BLOCKED" /\ \E u \in 1..(v - 1) : item[u].outcome = "FAILED"

(* In the end every version is applied, skipped or failed, or blocked behind one that failed. *)
Settles == <>[](\A v \in Versions : IsAtRest(v))
=============================================================================
