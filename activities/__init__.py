"""The side effects, one file per outside party. Never imports workflows."""
