//! Workloads and expectations of the end-to-end tests.
