"""Which transformer of scikit-learn is converted by what, and which never is, and why."""

from __future__ import annotations

from types import MappingProxyType

from mlwright.conversion import (
    composed,
    curves,
    encoders,
    imputers,
    numbers,
    projections,
    similarities,
    texts,
)
from mlwright.conversion.frame import Step

STEPS: dict[str, Step] = {
    "ColumnTransformer": composed.by_columns,
    "FeatureUnion": composed.side_by_side,
    "Pipeline": composed.in_turn,
    "AdditiveChi2Sampler": projections.additive_waves,
    "BernoulliRBM": projections.hidden,
    "Binarizer": numbers.above,
    "CountVectorizer": texts.counts,
    "FactorAnalysis": projections.factors,
    "FastICA": projections.independent,
    "FeatureAgglomeration": projections.pooled,
    "FunctionTransformer": numbers.by_function,
    "IterativeImputer": imputers.in_rounds,
    "KBinsDiscretizer": curves.bins,
    "KernelPCA": similarities.kernel_components,
    "LinearDiscriminantAnalysis": projections.discriminants,
    "MaxAbsScaler": numbers.by_largest,
    "MinMaxScaler": numbers.between,
    "MissingIndicator": numbers.indicated,
    "Normalizer": numbers.of_length_one,
    "Nystroem": similarities.landmarks,
    "OneHotEncoder": encoders.one_hot,
    "OrdinalEncoder": encoders.ordinal,
    "PolynomialFeatures": numbers.products,
    "PowerTransformer": curves.powers,
    "QuantileTransformer": curves.quantiles,
    "RandomTreesEmbedding": projections.leaves,
    "RBFSampler": projections.waves,
    "RobustScaler": numbers.robustly,
    "SimpleImputer": numbers.imputed,
    "SkewedChi2Sampler": projections.skewed_waves,
    "SplineTransformer": curves.splines,
    "StandardScaler": numbers.standardised,
    "TargetEncoder": encoders.target_mean,
    "TfidfTransformer": texts.weighed,
    "TfidfVectorizer": texts.weights,
}
STEPS |= dict.fromkeys(("IncrementalPCA", "PCA", "TruncatedSVD"), numbers.projected)
STEPS |= dict.fromkeys(("Birch", "BisectingKMeans", "KMeans", "MiniBatchKMeans"), projections.to_middles)
STEPS |= dict.fromkeys(
    ("GaussianRandomProjection", "NeighborhoodComponentsAnalysis", "SparseRandomProjection"),
    projections.components,
)
STEPS |= dict.fromkeys(
    (
        "GenericUnivariateSelect", "RFE", "RFECV", "SelectFdr", "SelectFpr", "SelectFromModel", "SelectFwe",
        "SelectKBest", "SelectPercentile", "SequentialFeatureSelector", "VarianceThreshold",
    ),
    numbers.selected,
)  # fmt: skip

_SEARCHED = (
    "it searches anew for what is behind each row, which takes as many rounds as it takes",
    "use PCA or TruncatedSVD",
)
_ROWS = ("it answers by rows among those that it was fitted on, not by columns", "use PCA or KernelPCA")
_LABELS = ("it makes labels, not columns that a model is given", "use OneHotEncoder or OrdinalEncoder")
_ALONE = ("it fails on a row alone, by an error of scikit-learn's own", "use PCA or TruncatedSVD")
_TWO = (
    "fitted with a target it gives two tables, which no Pipeline takes",
    "let it be the last step, or use PCA",
)
_MODEL = (
    "a model among the steps that come before the last one is not converted",
    "let it be the last step, or stack models with StackingClassifier or StackingRegressor",
)

REFUSED_STEPS: MappingProxyType[str, tuple[str, str]] = MappingProxyType(
    {
        "sklearn.DictVectorizer": (
            "it takes dictionaries, not rows of a table",
            "make a table first, and use OneHotEncoder",
        ),
        "sklearn.FeatureHasher": (
            "it hashes into columns by the million, without a dictionary that a graph could hold",
            "use OneHotEncoder, or TfidfVectorizer for texts",
        ),
        "sklearn.HashingVectorizer": (
            "it hashes words into columns by the million, without a dictionary that a graph could hold",
            "use TfidfVectorizer or CountVectorizer",
        ),
        "sklearn.IsotonicRegression": (
            "it takes one column that is no table, which no step before a model gives",
            "use it in CalibratedClassifierCV, or SplineTransformer",
        ),
        "sklearn.PatchExtractor": ("it takes images apart", "do it before the model"),
        "sklearn.PolynomialCountSketch": (
            "it is made of Fourier transforms, which no graph of ours has",
            "use Nystroem or PolynomialFeatures",
        ),
        "sklearn.KernelCenterer": ("it takes kernels, not rows", "use KernelPCA or Nystroem"),
        "sklearn.KNNImputer": (
            "which of equally near rows counts is left to the order in which they were sorted",
            "use IterativeImputer or SimpleImputer",
        ),
    }
    | dict.fromkeys(
        (
            "sklearn.DictionaryLearning", "sklearn.LatentDirichletAllocation", "sklearn.MiniBatchNMF",
            "sklearn.MiniBatchDictionaryLearning", "sklearn.NMF", "sklearn.SparseCoder",
        ),
        _SEARCHED,
    )
    | dict.fromkeys(
        (
            "sklearn.Isomap", "sklearn.KNeighborsTransformer", "sklearn.LocallyLinearEmbedding",
            "sklearn.RadiusNeighborsTransformer", "sklearn.TSNE",
        ),
        _ROWS,
    )
    | dict.fromkeys(("sklearn.MiniBatchSparsePCA", "sklearn.SparsePCA"), _ALONE)
    | dict.fromkeys(
        ("sklearn.CCA", "sklearn.PLSCanonical", "sklearn.PLSRegression", "sklearn.PLSSVD"), _TWO
    )
    | dict.fromkeys(
        ("sklearn.LabelBinarizer", "sklearn.LabelEncoder", "sklearn.MultiLabelBinarizer"), _LABELS
    )
    | dict.fromkeys(
        (
            "sklearn.StackingClassifier", "sklearn.StackingRegressor", "sklearn.VotingClassifier",
            "sklearn.VotingRegressor",
        ),
        _MODEL,
    )
)  # fmt: skip
"""By class: the reason, and what to do."""
