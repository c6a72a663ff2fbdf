//! ground-station
