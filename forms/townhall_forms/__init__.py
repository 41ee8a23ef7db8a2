"""The schema language: one TOML file declares a type; tables, forms, checks and docs come from it."""
