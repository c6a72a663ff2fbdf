//! robot-agent
