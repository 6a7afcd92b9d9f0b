"""A mistake that can be known at once is told before a table is read, or before it is checked."""

import pytest

LABELS = "n,y\n" + "".join(f"{i},{'yes' if i % 3 else 'no'}\n" for i in range(60))


@pytest.mark.parametrize(
    ("strings", "said"),
    [
        (("fit", "a.csv", "-t", "y", "--metric", "rocauc"), "did you mean 'roc_auc'?"),
        (("fit", "a.csv", "-t", "y", "--task", "binary", "--metric", "rmse"), "does not measure binary"),
        (("fit", "a.csv", "-t", "y", "--test", "nothere.csv"), "there is no such file"),
        (("fit", "a.csv", "-t", "y", "--max-trials", "0"), "--max-trials must be at least 2"),
        (("fit", "a.csv", "-t", "y", "--max-trials", "1"), "--max-trials must be at least 2"),
        (("fit", "a.csv", "-t", "y", "--seed", "-1"), "--seed must be at least 0"),
        (("fit", "a.csv", "-t", "y", "--waive", "MLW999"), "no finding 'MLW999'"),
        (("check", "a.csv", "--waive", "MLW999"), "no finding 'MLW999'"),
        (("check", "a.csv", "--against", "b.csv", "--waive", "MLW999"), "no finding 'MLW999'"),
        (("fit", "a.csv", "-t", "y", "-o", "/proc/b.mlw"), "no file can be made here"),
        (("explain", "m.mlw", "a.csv", "-o", "why.txt"), "end the output's name with .csv or .json"),
    ],
)
def test_what_no_table_could_make_good_is_told_before_one_is_read(
    mlwright, tmp_path, monkeypatch, strings, said
):
    monkeypatch.chdir(tmp_path)  # where no table is: reading one would be the mistake that is told
    done = mlwright(*strings)
    assert done.code in (2, 3) and said in done.err
    assert "reading" not in done.err


def test_a_metric_of_another_task_is_told_before_the_checks(mlwright, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_text(LABELS)
    done = mlwright("fit", "a.csv", "-t", "y", "--metric", "rmse")
    assert done.code == 2 and "metric 'rmse' does not measure binary" in done.err
    assert "reading" in done.err and "checking" not in done.err


def test_what_is_no_weight_is_told_before_the_checks(mlwright, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_text(LABELS.replace("\n7,", "\n-7,"))
    done = mlwright("fit", "a.csv", "-t", "y", "--weight", "n")
    assert done.code == 3 and "a weight below 0 in 'n'" in done.err and "where: a.csv" in done.err
    assert "checking" not in done.err
