"""The Dataset on Polars: schema inference, decoding of whole tables, the reference profile.

Used by `sources`, `checks`, `training` and `tasks`. It knows no files and no model.
"""
