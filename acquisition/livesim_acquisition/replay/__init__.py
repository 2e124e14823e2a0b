"""Stream a recording to the engine, at its own pace or another."""
