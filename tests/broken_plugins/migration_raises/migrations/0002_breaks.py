"""A migration that writes, and then fails."""


def migrate(step):
    step.sql("UPDATE migration_raises_thing SET label = ?", ("Gone",))
    raise RuntimeError("Moreau has no more")
