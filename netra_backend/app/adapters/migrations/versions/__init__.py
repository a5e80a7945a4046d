"""The versions as alembic runs them; what each one does stands in the SQL files beside this package."""
