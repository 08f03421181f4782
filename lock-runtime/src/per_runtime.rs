//! What belongs to a runtime: workers and connections, which end with it.

use tokio::runtime::Id;

/// One for each runtime. There are few, and looking through them is the quickest.
pub(crate) struct PerRuntime<T>(Vec<(Id, T)>);

impl<T> Default for PerRuntime<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> PerRuntime<T> {
    pub(crate) fn get(&self, here: Id) -> Option<&T> {
        let mut all = self.0.iter();
        all.find_map(|(id, one)| (*id == here).then_some(one))
    }

    pub(crate) fn get_mut(&mut self, here: Id) -> Option<&mut T> {
        let mut all = self.0.iter_mut();
        all.find_map(|(id, one)| (*id == here).then_some(one))
    }

    /// In the place of what that runtime had. Those that are of no use to anybody go.
    pub(crate) fn set(&mut self, here: Id, new: T, of_use: impl Fn(&T) -> bool) -> &mut T {
        self.0.retain(|(id, one)| *id != here && of_use(one));
        &mut self.0.push_mut((here, new)).1
    }

    pub(crate) fn remove(&mut self, here: Id) {
        self.0.retain(|(id, _)| *id != here);
    }
}
