"""The endpoints whose paths and bodies the source documents fix."""
