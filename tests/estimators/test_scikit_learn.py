"""scikit-learn's own checks of an estimator, all of them; those that fit often are slow."""

import warnings
from unittest import SkipTest

import pytest
from sklearn.utils.estimator_checks import _check_name, estimator_checks_generator

import mlwright as mw

EXPECTED = {
    "check_sample_weight_equivalence_on_dense_data": "rows are divided into folds: a row of weight 3 lies in "
    "one of them, three equal rows in several; and the check leaves nine rows, fewer than any fit takes",
}
"""Checks that cannot pass, and why."""
FITTING = {
    "check_fit_score_takes_y",
    "check_n_features_in_after_fitting",
}
"""Those that fit a table and always run; with them run those that fit none."""
FITS_NONE = {
    "check_all_zero_sample_weights_error",
    "check_classifiers_one_label",
    "check_classifiers_one_label_sample_weights",
    "check_classifiers_regression_target",
    "check_complex_data",
    "check_do_not_raise_errors_in_init_or_set_params",
    "check_estimator_cloneable",
    "check_estimator_repr",
    "check_estimator_sparse_array",
    "check_estimator_sparse_matrix",
    "check_estimator_sparse_tag",
    "check_estimator_tags_renamed",
    "check_estimators_empty_data_messages",
    "check_estimators_unfitted",
    "check_fit1d",
    "check_fit2d_1sample",
    "check_get_params_invariance",
    "check_mixin_order",
    "check_no_attributes_set_in_init",
    "check_parameters_default_constructible",
    "check_requires_y_none",
    "check_set_params",
    "check_supervised_y_no_nan",
    "check_valid_tag_types",
}


def checks():
    for estimator in (mw.Classifier(max_trials=2, threads=1), mw.Regressor(max_trials=2, threads=1)):
        for number, (_, check) in enumerate(estimator_checks_generator(estimator, mark=None)):
            name = _check_name(check)
            marks = [] if name in FITTING | FITS_NONE else [pytest.mark.slow]
            if name in EXPECTED:
                marks.append(pytest.mark.xfail(reason=EXPECTED[name], strict=True))
            known = f"{type(estimator).__name__}-{number}-{name}"
            yield pytest.param(estimator, check, marks=marks, id=known)


@pytest.mark.parametrize(("estimator", "check"), list(checks()))
def test_the_estimator_passes_scikit_learns_check(estimator, check):
    with warnings.catch_warnings():
        # Tables of random numbers hold what we warn of, and some checks ask for warnings.
        warnings.simplefilter("ignore")
        try:
            check(estimator)
        except SkipTest as skipped:
            pytest.skip(str(skipped))
