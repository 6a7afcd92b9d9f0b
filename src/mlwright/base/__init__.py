"""Values and roles that every other package speaks of: errors, schema, decoding, findings, scores, profiles.

No input or output happens here, and no library beyond msgspec is imported.
"""
