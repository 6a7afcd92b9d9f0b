"""All checks in one table, and the verb that runs them.

A new check is a function in its theme's file and an entry here; nothing else knows the list.
"""

from __future__ import annotations

import msgspec

from mlwright.base.errors import UnknownName
from mlwright.base.finding import Finding, Findings
from mlwright.base.schema import TaskName
from mlwright.checks import columns, differences, leakage, rows, spellings, target
from mlwright.checks.outcome import Check
from mlwright.checks.table import Table
from mlwright.data.dataset import Dataset

CHECKS: tuple[Check, ...] = (
    Check(
        "MLW101",
        "a feature has one value",
        "tip",
        columns.constant,
        "Counts distinct values; found where there is one, in every row.",
    ),
    Check(
        "MLW102",
        "a feature has nearly one value",
        "tip",
        columns.near_constant,
        "Counts rows that differ from the most frequent value; found where they are fewer than 30 and the "
        "95 % interval of their share lies under 0.5 %.",
        "interval: Wilson (1927)",
    ),
    Check(
        "MLW103",
        "a feature is mostly missing",
        "tip",
        columns.missing,
        "Counts missing values; found where all are, or the 95 % interval of their share lies over 50 %.",
        "interval: Wilson (1927)",
    ),
    Check(
        "MLW104",
        "a feature names the row",
        "issue",
        columns.id_like,
        "Found where the 95 % interval of distinct values' share of the rows lies over 90 % and the column "
        "is of categories, whole numbers that count the rows, or whole numbers with an id's name.",
        "interval: Wilson (1927)",
    ),
    Check(
        "MLW105",
        "two features say the same",
        "tip",
        columns.duplicated,
        "Compares columns value by value, and by which rows share a value; found where two are equal in "
        "every row, or recodings of each other one to one.",
    ),
    Check(
        "MLW106",
        "a number stands for a missing value",
        "tip",
        columns.disguised_missing,
        "Found where 9, 99, 999, ... or its negative stands at an end, in 5 rows or more, farther from all "
        "other values than they spread; or where 5 rows or more are zero in what its name says cannot "
        "be zero.",
        "Pearson (2006), The problem of disguised missing data, SIGKDD Explorations 8",
    ),
    Check(
        "MLW107",
        "one category is written in several ways",
        "tip",
        spellings.categories,
        "Found where categories differ only by case, by blanks or punctuation that carry no meaning, or by "
        "the words for yes and no.",
    ),
    Check(
        "MLW201",
        "rows are repeated",
        "tip",
        rows.duplicate_rows,
        "Counts rows that equal an earlier one in every column but ids.",
        "Barz & Denzler (2020), Do we train on test data?, Journal of Imaging 6",
    ),
    Check(
        "MLW202",
        "equal rows have different targets",
        "tip",
        rows.contradictions,
        "Of rows with equal features, those outside the most frequent class (or the variance around their "
        "mean) are lost to every model; found where the 95 % interval of that share, by sets of equal rows, "
        "lies over 1 %.",
        "interval: Student's t by cluster, Binder (1983)",
    ),
    Check(
        "MLW203",
        "ids are repeated",
        "tip",
        rows.repeated_ids,
        "Counts rows whose id stood in an earlier row.",
    ),
    Check(
        "MLW301",
        "there are few rows",
        "tip",
        target.too_few_rows,
        "Found under 200 rows with a target, or under 10 for each feature; an issue under 50.",
        "10 rows a feature: Peduzzi et al. (1996), Journal of Clinical Epidemiology 49",
    ),
    Check(
        "MLW302",
        "classes are too rare to learn",
        "tip",
        target.rare_classes,
        "Found where a class has fewer than 20 rows; an issue under 5, when folds lack it.",
    ),
    Check(
        "MLW303",
        "classes are of very different size",
        "tip",
        target.imbalance,
        "Found where the 95 % interval of the rarest class's share lies under a fifth of its even part.",
        "interval: Wilson (1927)",
    ),
    Check(
        "MLW304",
        "the target cannot be learned",
        "issue",
        target.one_value,
        "Found where the target has no value, one value, or classes that hardly ever repeat.",
    ),
    Check(
        "MLW305",
        "one class is written in several ways",
        "issue",
        spellings.labels,
        "Found where labels differ only by case, by blanks or punctuation that carry no meaning, or by the "
        "words for yes and no (yes, Y, true, 1); a tip where only the case of short labels differs, unless "
        "two classes remain.",
    ),
    Check(
        "MLW306",
        "there is nothing to predict the target from",
        "issue",
        target.no_feature,
        "Found where no column beside the target is a feature.",
    ),
    Check(
        "MLW401",
        "one feature nearly gives the target away",
        "issue",
        leakage.single_feature,
        "Predicts the target from each feature alone, by means of bins, in 5 folds. Found where the 95 % "
        "interval lies over ROC AUC 0.9 (R squared 0.7) and leaves less than a third of the error that all "
        "other features leave together; or over 0.998 (0.995) whatever the others can do.",
        "Kaufman et al. (2012), Leakage in data mining, ACM TKDD 6",
    ),
    Check(
        "MLW402",
        "features are the target in disguise",
        "issue",
        leakage.repeated_target,
        "Found where a feature's values match the classes one to one, where a number determines the target "
        "by a line or a steady function, or where a weighted sum of numbers is the target in rows held back.",
    ),
    Check(
        "MLW403",
        "missing values tell the target",
        "tip",
        leakage.missingness,
        "Predicts the target from whether the feature is missing, in 5 folds; found where the 95 % interval "
        "lies over ROC AUC 0.75 (R squared 0.25), an issue over 0.95 (0.8).",
        "Kaufman et al. (2012), Leakage in data mining, ACM TKDD 6",
    ),
    Check(
        "MLW404",
        "the order of rows tells the target",
        "tip",
        leakage.order,
        "Predicts the target from the row number, and from ids that are numbers, in 5 folds; found where the "
        "95 % interval lies over ROC AUC 0.6 (R squared 0.1).",
        "Kaufman et al. (2012), Leakage in data mining, ACM TKDD 6",
    ),
    Check(
        "MLW405",
        "the difference of two features gives the target away",
        "issue",
        differences.differences,
        "Predicts the target from the difference of each two numbers or dates on one scale, as MLW401 does "
        "from one. Found where that leaves half the error that either leaves alone, and beats all features "
        "together as in MLW401.",
        "Kaufman et al. (2012), Leakage in data mining, ACM TKDD 6",
    ),
)


def check(
    dataset: Dataset, *, task: TaskName | None = None, seed: int = 0, waive: tuple[str, ...] = ()
) -> Findings:
    """All that reading and the checks found in a data set, worst first.

    Looks at every row for what stands in the table, and at a sample of up to 50,000 rows, drawn by `seed`,
    for what tells the target. `task` says whether the target's numbers are classes, where the caller knows;
    `waive` names codes that are known and borne. Raises `UnknownName` for a code that does not exist; no
    check raises.

    >>> import polars as pl
    >>> from mlwright.base.schema import Column, Schema
    >>> from mlwright.data.dataset import Provenance
    >>> schema = Schema(columns=(Column(name="country", kind="categorical"),))
    >>> loans = Dataset(pl.DataFrame({"country": ["FR"] * 30}), schema, Provenance("frame"))
    >>> [f.column for f in check(loans).found if f.code == "MLW101"]
    ['country']
    """
    known = {c.code for c in CHECKS} | {f.code for f in dataset.findings}
    for code in waive:
        if code not in known:
            raise UnknownName("finding", code, sorted(known))
    table = Table(dataset, seed, task)
    findings: list[Finding] = list(dataset.findings)
    for one in CHECKS:
        findings.extend(one.findings(table))
    return Findings.of(_waived(f, waive) for f in findings)


def _waived(finding: Finding, waive: tuple[str, ...]) -> Finding:
    if finding.code not in waive or finding.status != "found":
        return finding
    return msgspec.structs.replace(finding, status="waived")
