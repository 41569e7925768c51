"""A real one-node Kubernetes for the e2e tests and for work by hand; see tests/cluster/README.md."""
