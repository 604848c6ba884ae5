//! Mail of which no bell told.

use super::Coordinator;
use crate::bus::LOOK_NS;
use crate::clock::now_ns;

impl Coordinator {
    /// Looks into its spool now and then: a bell may have been lost.
    pub(super) fn look_for_mail(&mut self, buffer: &mut [u8]) {
        let now = now_ns();
        if self.swarm.spool.is_none() || now < self.next_look_ns {
            return;
        }
        self.next_look_ns = now + LOOK_NS;
        for key in self.children.keys() {
            while let Some(n) = self.children.at(key).and_then(|child| child.look(buffer)) {
                self.pass_up(key, &buffer[..n]);
            }
        }
        while let Some(n) = self.up.as_mut().and_then(|up| up.look(buffer)) {
            self.pass_down(&buffer[..n]);
        }
        self.flush();
    }
}
