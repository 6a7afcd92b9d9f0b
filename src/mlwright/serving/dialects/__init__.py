"""Ways of writing rows and answers: one file each, all of one protocol.

`rows` is mlwright's own JSON, `oip` the Open Inference Protocol, `instances` what KServe v1 and TensorFlow
Serving speak, `csv_tables` and `arrow` take whole tables.
"""

from mlwright.serving.dialects.protocol import Dialect, dialect_of

__all__ = ["Dialect", "dialect_of"]
