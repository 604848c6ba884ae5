//! The whole runtime, real processes, over the control protocol.

#[path = "swarm/driver.rs"]
mod driver;
#[path = "swarm/ending.rs"]
mod ending;
#[path = "swarm/failing.rs"]
mod failing;
#[path = "swarm/pausing.rs"]
mod pausing;
#[path = "swarm/planted.rs"]
mod planted;
#[path = "swarm/refusing.rs"]
mod refusing;
#[path = "swarm/telling.rs"]
mod telling;
#[path = "swarm/working.rs"]
mod working;
