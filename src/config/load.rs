//! What was written: TOML or JSON, environment, flags; all problems at once.
