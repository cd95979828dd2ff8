----------------------------- MODULE ChainTrace -----------------------------
(***************************************************************************)
(* Whether the chain can do what the model in Python was seen to do.       *)
(* A trace is a sequence of what can be seen from outside: the outcome and *)
(* the attempt of each version, the data row, and the read model.  It is   *)
(* accepted if some behaviour of Chain shows exactly that, in that order.  *)
(***************************************************************************)
EXTENDS Chain, TLC

CONSTANT Traces

VARIABLES trace, place

Seen == <<[v \in Versions |-> <<item[v].outcome, item[v].attempt>>], data, view>>

TraceInit ==
    /\ Init
    /\ trace \in 1..Len(Traces)
    /\ place = 1
    /\ Seen = Traces[trace][1]

TraceNext ==
    /\ Next
    /\ UNCHANGED trace
    /\ \/ /\ Seen' = Seen
          /\ UNCHANGED place
       \/ /\ Seen' # Seen
          /\ place < Len(Traces[trace])
          /\ Seen' = Traces[trace][place + 1]
          /\ place' = place + 1

TraceSpec == TraceInit /\ [][TraceNext]_<<vars, trace, place>>

(* Never false: it prints which traces came to their end. *)
Told == place = Len(Traces[trace]) => PrintT(<<"accepted", trace>>)
=============================================================================
