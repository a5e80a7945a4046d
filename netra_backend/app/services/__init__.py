"""Identity and conversation: contexts, emitters, authentication, audit."""
