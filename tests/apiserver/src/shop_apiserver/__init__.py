"""A real API server with its etcd and nothing else: what Kubernetes admits and stores, without a node to run it on."""
