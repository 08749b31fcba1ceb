"""
A submission: a stranger's JSON, checked field by field, and the job that it asks for.

Every fault is named by a JSON Pointer (RFC 6901), and all faults of one body are told at once.
The vendor's payload is looked at only for what RFC 8259 and RFC 7493 ask, and kept as bytes.
"""
