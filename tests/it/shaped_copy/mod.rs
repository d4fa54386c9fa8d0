//! A copy that is told what its tables look like: which column is the time.

mod time_column;
