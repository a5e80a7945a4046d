"""The pure core: identity, frames, state machines, limits. Inputs in, effects out; no clock, entropy, loop or log."""
