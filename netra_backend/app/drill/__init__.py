"""The isolation drill: one user tries every door to what is another's, and every door must refuse."""
