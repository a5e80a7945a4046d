"""The server. Imports point down: cli, wiring, web, turn, websocket_core/agents/adapters, usage, services, ports/config, core."""
