//! Many names in one piece of memory: of thousands of files, a text each would be most of what is held.

/// Names, by their numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    text: String,
    /// Where each ends; it begins where the one before it ends.
    ends: Vec<usize>,
}

impl Names {
    /// One more name, behind the others.
    pub fn push(&mut self, name: &str) {
        self.text.push_str(name);
        self.ends.push(self.text.len());
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The name of that number, if there is one.
    #[must_use]
    pub fn get(&self, number: usize) -> Option<&str> {
        let start = number.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied())?;
        self.text.get(start..*self.ends.get(number)?)
    }

    /// All of them.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> + Clone {
        // Each number below the length has a name.
        (0..self.len()).map(|number| self.get(number).unwrap_or_default())
    }

    /// Keeps the first `most` of them.
    pub fn truncate(&mut self, most: usize) {
        self.ends.truncate(most);
        self.text.truncate(self.ends.last().copied().unwrap_or(0));
    }

    /// The names of those numbers, in that order, with no more room than they take.
    #[must_use]
    pub fn picked(&self, numbers: &[usize]) -> Self {
        let names = || numbers.iter().filter_map(|number| self.get(*number));
        let mut text = String::with_capacity(names().map(str::len).sum());
        let mut ends = Vec::with_capacity(numbers.len());
        for name in names() {
            text.push_str(name);
            ends.push(text.len());
        }
        Self { text, ends }
    }
}

impl<'a> FromIterator<&'a str> for Names {
    fn from_iter<I: IntoIterator<Item = &'a str>>(names: I) -> Self {
        let mut all = Self::default();
        names.into_iter().for_each(|name| all.push(name));
        all
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn they_are_what_a_list_of_texts_would_be(list: Vec<String>, most in 0_usize..8, seed: usize) {
            let mut names: Names = list.iter().map(String::as_str).collect();
            prop_assert_eq!((names.len(), names.is_empty()), (list.len(), list.is_empty()));
            prop_assert_eq!(names.iter().collect::<Vec<_>>(), list.iter().collect::<Vec<_>>());
            prop_assert_eq!(names.get(list.len()), None);
            prop_assert_eq!(names.get(usize::MAX), None);
            let numbers: Vec<usize> = (0..list.len()).map(|number| number.wrapping_mul(seed) % (list.len() + 1)).collect();
            let picked: Vec<&str> = numbers.iter().filter_map(|number| list.get(*number)).map(String::as_str).collect();
            prop_assert_eq!(names.picked(&numbers), picked.into_iter().collect());
            names.truncate(most);
            prop_assert_eq!(names, list.iter().take(most).map(String::as_str).collect());
        }
    }
}
