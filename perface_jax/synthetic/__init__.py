"""The drawn world: people, their pictures, simulated annotators, and the files of a release."""
