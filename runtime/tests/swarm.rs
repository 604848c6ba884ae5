//! The whole runtime, real processes, over the control protocol.

#[path = "swarm/disturbed.rs"]
mod disturbed;
#[path = "swarm/driver.rs"]
mod driver;
#[path = "swarm/ending.rs"]
mod ending;
#[path = "swarm/enduring.rs"]
mod enduring;
#[path = "swarm/failing.rs"]
mod failing;
#[path = "swarm/filed.rs"]
mod filed;
#[path = "swarm/kept.rs"]
mod kept;
#[path = "swarm/pausing.rs"]
mod pausing;
#[path = "swarm/planted.rs"]
mod planted;
#[path = "swarm/refusing.rs"]
mod refusing;
#[path = "swarm/storming.rs"]
mod storming;
#[path = "swarm/telling.rs"]
mod telling;
#[path = "swarm/working.rs"]
mod working;
