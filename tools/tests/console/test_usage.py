"""The plot of the usage page."""

from sfn_cqrs_tools.console.pages.usage import Bar, bars
from sfn_cqrs_tools.console.rendering import environment


def line(day, commands=0, rows=0, items=0, dollars=0.0, known=1.0, type_="ORDER"):
    counts = {"commands": commands, "rows": rows, "taskItems": items}
    return {"day": day, "type": type_, **counts, "dollars": dollars, "known": known}


def test_each_day_has_a_bar_and_the_highest_is_as_high_as_the_plot():
    found = bars(
        [
            line("2026-11-24", commands=3, dollars=1.0),
            line("2026-11-24", items=1, dollars=0.5, known=0.25, type_="RESIZE"),
            line("2026-11-22", rows=2),
        ]
    )

    assert found == [
        Bar("2026-11-22", 2, 0.0, 1.0, 50.0),
        Bar("2026-11-23", 0, 0, 1, 0.0),
        Bar("2026-11-24", 4, 1.5, 1.0, 100.0),
    ]


def test_only_the_last_thirty_days_are_shown():
    found = bars([line("2026-09-01", commands=9), line("2026-11-24", commands=1)])

    assert (len(found), found[0].day, found[-1].height) == (30, "2026-10-26", 100.0)


def test_without_days_there_is_no_plot():
    assert bars([]) == []


def test_the_page_has_a_bar_for_each_day_with_work_and_both_tables():
    days = [line("2026-11-24", commands=3, dollars=1.0), line("2026-11-22", rows=2)]
    stored = {"type": "ORDER", "items": 5, "bytes": 7, "objectBytes": 9, "known": 0.5}
    values = {"bars": bars(days), "days": days, "stored": [{**stored, "dollars": 0.25}]}
    templates = environment()
    ui = templates.get_template("macros.html").make_module({})
    page = templates.get_template("usage.html")
    content = page.blocks["content"](page.new_context({**values, "is_operator": True, "ui": ui}))

    text = "".join(content)

    assert text.count('<rect class="good"') == 2
    assert "2026-11-24: 3, 1.00 dollars, 100 % counted" in text
    assert '<td class="number">0.2500</td>' in text
    assert "2026-11-22 to 2026-11-24: commands, imported rows and task items; at most 3" in text
