"""Data sets on disk, and batches of them. Import the module you need; this package loads nothing."""
