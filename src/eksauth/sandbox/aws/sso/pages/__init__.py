"""The pages that people see: server-rendered, no scripts, nothing loaded from elsewhere."""
