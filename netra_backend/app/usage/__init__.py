"""The money: usage rows, prices, levers, anomalies, forecasts and the report. Knows nothing of users or sockets."""
