"""How a model is served: latency, throughput, capacity, for one deployment or thousands."""
