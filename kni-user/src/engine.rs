//! Correlation and `check` behind one door: events in, reports out.
