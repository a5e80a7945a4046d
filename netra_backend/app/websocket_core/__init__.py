"""A connection, the pool of connections and the factory that makes their managers."""
