"""Among the other processes of a server: what they ask of this one, and the runs that they leave."""
