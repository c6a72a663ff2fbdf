//! display-agent
