"""A table in a notebook: what its columns are, never a row of it."""

import mlwright as mw


def test_a_notebook_shows_what_each_column_is_and_no_markup_of_the_table():
    names = ["<b>red</b>", "blue"] * 10
    data = mw.read(
        {"<i>age</i>": [None, *range(18, 37)], "colour": names, "y": [i * 1.5 for i in range(20)]}, target="y"
    )
    page = data._repr_html_()
    assert "20 rows, 3 columns" in page and "&lt;i&gt;age&lt;/i&gt;" in page and "<i>" not in page
    assert "5.0%" in page and "18 to 36" in page and "<b>target</b>" in page and "&lt;b&gt;red" in page


def test_a_wide_table_is_folded():
    page = mw.read({f"c{i}": [1.5 * i, 2.0, i + 0.25] for i in range(500)})._repr_html_()
    assert (
        "and 480 more columns" in page
        and page.count("<tr>") < 400
        and "c19" in page.partition("<details>")[0]
    )
