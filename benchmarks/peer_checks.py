"""The checks of peers that find what ours find. Runs in the peers' own Python, never in ours.

Started by `peers.py`: reads one request a line (JSON), answers with one line. A request names the defect, the
CSV files and the target; the answer says what the peer's own check for that defect flagged, in columns and
rows, by the peer's own defaults, and the seconds without reading the file.
"""

import json
import resource
import sys
import time
import warnings

import numpy as np
import pandas as pd

warnings.filterwarnings("ignore")


class Request:
    """One table, or two, with roles."""

    def __init__(self, asked):
        self.defect, self.target = asked["defect"], asked["target"]
        self.time, self.group = asked["roles"].get("time"), asked["roles"].get("group")
        self.classified = asked["classified"]
        self.frame = self._read(asked["path"])
        self.other = self._read(asked["other"]) if asked.get("other") else None

    def _read(self, path):
        frame = pd.read_csv(path, low_memory=False)
        if self.time in frame.columns:
            frame[self.time] = pd.to_datetime(frame[self.time])
        return frame[frame[self.target].notna()].reset_index(drop=True)

    @property
    def features(self):
        return self.frame.drop(columns=[self.target])

    def matrix(self):
        """Numbers scaled, categories as ordinals: what peers take as features."""
        from sklearn.preprocessing import OrdinalEncoder, StandardScaler

        x = self.features
        texts = [c for c in x.columns if not pd.api.types.is_numeric_dtype(x[c])]
        numbers = x.drop(columns=texts).astype(float)
        parts = [numbers.fillna(numbers.median()).fillna(0).to_numpy()]
        if texts:
            parts.append(OrdinalEncoder().fit_transform(x[texts].astype(object).fillna("").astype(str)))
        return StandardScaler().fit_transform(np.hstack(parts))


def flagged(columns=(), rows=(), table=False):
    return {"columns": sorted({str(c) for c in columns}), "rows": [int(r) for r in rows][:20],
            "table": bool(table or len(rows))}  # fmt: skip


# cleanlab: labels by confident learning, rows and order by nearest neighbours.


def cleanlab_labels(asked):
    from cleanlab.filter import find_label_issues
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.model_selection import cross_val_predict
    from sklearn.preprocessing import LabelEncoder

    y = LabelEncoder().fit_transform(asked.frame[asked.target].astype(str))
    model = HistGradientBoostingClassifier(random_state=0)
    told = cross_val_predict(model, asked.matrix(), y, cv=5, method="predict_proba")
    rows = find_label_issues(y, told, return_indices_ranked_by="self_confidence", n_jobs=1)
    return flagged([asked.target] if len(rows) else [], rows)


def datalab(issue):
    def look(asked):
        from cleanlab import Datalab

        lab = Datalab(asked.frame[[asked.target]].to_dict("list"), verbosity=0)
        features = asked.matrix() if issue != "null" else numbers(asked.features)
        lab.find_issues(features=features, issue_types={issue: {}})
        issues = lab.get_issues(issue)
        at = issues[issues[f"is_{issue}_issue"]].sort_values(f"{issue}_score")
        return flagged(rows=at.index)

    return look


def numbers(frame):
    """NaN where missing, so that Datalab sees it."""
    return np.column_stack(
        [c.astype("category").cat.codes.replace(-1, np.nan).astype(float) for _, c in frame.items()]
    )


# skrub: what its cleaner drops, associations, near spellings.


def skrub_dropped(constant=False, missing=1.0):
    def look(asked):
        from skrub import Cleaner

        kept = Cleaner(drop_if_constant=constant, drop_null_fraction=missing).fit_transform(asked.features)
        return flagged(set(asked.features.columns) - set(kept.columns))

    return look


def skrub_associations(asked):
    from skrub import column_associations

    told = column_associations(asked.features)
    strong = told[(told["cramer_v"] > 0.9) | (told.get("pearson_corr", pd.Series(0, told.index)).abs() > 0.9)]
    return flagged([*strong["left_column_name"], *strong["right_column_name"]])


def skrub_spellings(asked):
    from skrub import deduplicate

    found = []
    for name, column in asked.features.items():
        texts = column.dropna()
        if pd.api.types.is_numeric_dtype(column) or not 2 < texts.nunique() <= 200:
            continue
        try:
            told = deduplicate(texts.astype(str))
        except ValueError:
            continue
        if (told.to_numpy() != texts.astype(str).to_numpy()).any():
            found.append(name)
    return flagged(found)


# pandera: a schema inferred from the clean table, and the spoilt one held to it.


def pandera_contract(asked):
    import pandera.pandas as pa
    from pandera.errors import SchemaErrors

    schema = pa.infer_schema(asked.other)
    for name, column in asked.other.items():
        if column.dtype.kind not in "iufbM" and column.nunique() <= 50:
            schema = schema.update_column(name, checks=pa.Check.isin(sorted(column.dropna().unique())))
    try:
        schema.validate(asked.frame, lazy=True)
    except SchemaErrors as e:
        cases = e.failure_cases
        rows = cases["index"].dropna().astype(int).unique()
        return flagged(cases["column"].dropna().unique(), np.sort(rows), table=True)
    return flagged()


# deepchecks: one check of its suites each, with the condition that the suite sets.


def deepchecks(check, condition, of_table=False):
    def look(asked):
        from deepchecks.tabular import Dataset, checks

        kind = "multiclass" if asked.classified else "regression"

        def dataset(frame):
            others = (asked.target, asked.group)
            texts = [c for c in frame.columns if frame[c].dtype == object and c not in others]
            roles = {"datetime_name": asked.time, "index_name": asked.group}
            return Dataset(frame, label=asked.target, cat_features=texts, label_type=kind, **roles)

        made = getattr(checks, check)()
        getattr(made, f"add_condition_{condition}")()
        tables = [dataset(f) for f in (asked.other, asked.frame) if f is not None]
        failed = [r for r in made.run(*tables).conditions_results if r.category.name in ("FAIL", "WARN")]
        told = " ".join(str(r.details) for r in failed)
        columns = [c for c in asked.frame.columns if failed and (of_table or c in told)]
        return flagged(columns, table=bool(failed))

    return look


PAIRS = ("FeatureFeatureCorrelation", "max_number_of_pairs_above_threshold")
POWER = ("FeatureLabelCorrelation", "feature_pps_less_than")
OF_COLUMNS = {
    "constant": ("IsSingleValue", "not_single_value"),
    "mostly_missing": ("PercentOfNulls", "percent_of_nulls_not_greater_than"),
    "mixed_types": ("MixedDataTypes", "rare_type_ratio_not_in_range"),
    "string_variants": ("StringMismatch", "no_variants"),
    "duplicated_column": PAIRS,
    "redundant_column": PAIRS,
    "leaking_feature": POWER,
    "repeated_target": POWER,
    "leaking_date": POWER,
    "marginal_shift": ("FeatureDrift", "drift_score_less_than"),
    "new_categories": ("CategoryMismatchTrainTest", "new_categories_less_or_equal"),
}
OF_TABLES = {
    "exact_duplicates": ("DataDuplicates", "ratio_less_or_equal"),
    "conflicting_labels": ("ConflictingLabels", "ratio_of_conflicting_labels_less_or_equal"),
    "decimal_slips": ("OutlierSampleDetection", "outlier_ratio_less_or_equal"),
    "imbalance": ("ClassImbalance", "class_ratio_less_than"),
    "contamination_exact": ("TrainTestSamplesMix", "duplicates_ratio_less_or_equal"),
    "entity_on_both_sides": ("IndexTrainTestLeakage", "ratio_less_or_equal"),
    "time_overlap": ("DateTrainTestLeakageOverlap", "leakage_ratio_less_or_equal"),
    "joint_shift": ("MultivariateDrift", "overall_drift_value_less_than"),
    "label_shift": ("LabelDrift", "drift_score_less_than"),
}
CONTRACTED = (
    "new_categories",
    "disguised_number",
    "disguised_zero",
    "disguised_text",
    "string_variants",
    "mixed_types",
    "impossible_values",
    "decimal_slips",
    "damaged_encoding",
)
ALONE = {
    "cleanlab": {
        "label_errors": cleanlab_labels,
        "exact_duplicates": datalab("near_duplicate"),
        "near_duplicates": datalab("near_duplicate"),
        "decimal_slips": datalab("outlier"),
        "nearly_empty_rows": datalab("null"),
        "blocked_rows": datalab("non_iid"),
        "sudden_change": datalab("non_iid"),
    },
    "skrub": {
        "constant": skrub_dropped(constant=True),
        "mostly_missing": skrub_dropped(missing=0.5),
        "duplicated_column": skrub_associations,
        "redundant_column": skrub_associations,
        "string_variants": skrub_spellings,
    },
    "pandera": dict.fromkeys(CONTRACTED, pandera_contract),
    "deepchecks": {
        **{defect: deepchecks(*names) for defect, names in OF_COLUMNS.items()},
        **{defect: deepchecks(*names, of_table=True) for defect, names in OF_TABLES.items()},
    },
}


def answer(peer, asked):
    request = Request(asked)
    began = time.perf_counter()
    try:
        said = ALONE[peer][request.defect](request)
    except Exception as e:
        return {"failed": f"{type(e).__name__}: {e}"[:200]}
    return {**said, "seconds": time.perf_counter() - began}


def whole(peer, path, target, classified):
    """All that a peer offers for one table, in one go: seconds and peak memory."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    asked = Request({"defect": "", "target": target, "roles": {}, "classified": classified, "path": path})
    if peer == "cleanlab":
        if classified:
            cleanlab_labels(asked)
        from cleanlab import Datalab

        lab = Datalab(asked.frame[[asked.target]].to_dict("list"), verbosity=0)
        lab.find_issues(
            features=asked.matrix(), issue_types={"near_duplicate": {}, "outlier": {}, "non_iid": {}}
        )
    elif peer == "skrub":
        from skrub import TableReport

        TableReport(asked.frame, verbose=0).html()
    elif peer == "deepchecks":
        from deepchecks.tabular import Dataset
        from deepchecks.tabular.suites import data_integrity

        texts = [c for c in asked.features.columns if asked.frame[c].dtype == object]
        kind = "multiclass" if classified else "regression"
        data_integrity().run(Dataset(asked.frame, label=target, cat_features=texts, label_type=kind))
    seconds, peak = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(
        json.dumps(
            {"seconds": seconds, "rows": len(asked.frame), "mib": peak / 1024, "mib_before": before / 1024}
        )
    )


def main():
    peer = sys.argv[1]
    if len(sys.argv) > 2:
        return whole(peer, sys.argv[2], sys.argv[3], sys.argv[4] == "classes")
    out = sys.stdout
    sys.stdout = sys.stderr  # libraries that print must not speak between our lines
    for line in sys.stdin:
        print(json.dumps(answer(peer, json.loads(line))), file=out, flush=True)


if __name__ == "__main__":
    main()
