//! Least squares in little memory: rows are folded into a triangle, block by block.
//!
//! The triangle R and the right side b are such that |A s - r| is least where R s = b, for all rows (A, r) folded in so
//! far. It is the R of a QR factorisation: Householder reflections turn each block into zeros beneath the triangle.

/// Rows that are folded in at once: few enough for their columns to stay in the nearest cache.
pub(super) const BLOCK: usize = 256;

/// A triangle with its right side.
#[derive(Debug, Clone)]
pub(super) struct Triangle {
    size: usize,
    /// `size + 1` columns of `size` rows, the last one the right side.
    cells: Vec<f64>,
}

impl Triangle {
    pub(super) fn new(size: usize) -> Self {
        Self { size, cells: vec![0.0; size * (size + 1)] }
    }

    pub(super) fn size(&self) -> usize {
        self.size
    }

    pub(super) fn at(&self, row: usize, column: usize) -> f64 {
        self.cells[column * self.size + row]
    }

    pub(super) fn right(&self) -> &[f64] {
        &self.cells[self.size * self.size..]
    }

    pub(super) fn is_finite(&self) -> bool {
        self.cells.iter().all(|cell| cell.is_finite())
    }

    /// Folds rows in. `block` has `size + 1` columns of `rows` each, one after another; it is overwritten.
    pub(super) fn fold(&mut self, block: &mut [f64], rows: usize) {
        for j in 0..self.size {
            let (head, tail) = block[j * rows..].split_at_mut(rows);
            let beneath = dot(head, head);
            if beneath == 0.0 {
                continue;
            }
            let diagonal = j * self.size + j;
            let alpha = self.cells[diagonal];
            let norm = -(alpha * alpha + beneath).sqrt().copysign(alpha);
            let top = alpha - norm;
            let scale = 2.0 / (top * top + beneath);
            for (k, column) in (j + 1..=self.size).zip(tail.chunks_exact_mut(rows)) {
                let cell = &mut self.cells[k * self.size + j];
                let along = scale * (top * *cell + dot(head, column));
                *cell -= along * top;
                column.iter_mut().zip(&*head).for_each(|(value, &h)| *value -= along * h);
            }
            self.cells[diagonal] = norm;
        }
    }

    /// The triangle of some of the columns, with `right` as its right side.
    pub(super) fn of_columns(&self, columns: &[usize], right: &[f64]) -> Self {
        let mut block = Vec::with_capacity((columns.len() + 1) * self.size);
        for &column in columns {
            block.extend_from_slice(&self.cells[column * self.size..][..self.size]);
        }
        block.extend_from_slice(right);
        let mut triangle = Self::new(columns.len());
        triangle.fold(&mut block, self.size);
        triangle
    }

    /// The triangle with the rows `root * scales` beneath it, on the diagonal, and zeros on their right.
    pub(super) fn damped(&self, scales: &[f64], root: f64) -> Self {
        let mut block = vec![0.0; self.size * (self.size + 1)];
        for (index, scale) in scales.iter().enumerate() {
            block[index * self.size + index] = root * scale;
        }
        let mut triangle = self.clone();
        triangle.fold(&mut block, self.size);
        triangle
    }

    /// How long each column is.
    pub(super) fn norms(&self) -> Vec<f64> {
        let columns = self.cells.chunks_exact(self.size.max(1)).take(self.size);
        columns.map(|column| dot(column, column).sqrt()).collect()
    }

    /// R s.
    pub(super) fn times(&self, s: &[f64]) -> Vec<f64> {
        (0..self.size).map(|row| (row..self.size).map(|column| self.at(row, column) * s[column]).sum()).collect()
    }

    /// R' b.
    pub(super) fn transposed_times(&self, b: &[f64]) -> Vec<f64> {
        (0..self.size).map(|column| (0..=column).map(|row| self.at(row, column) * b[row]).sum()).collect()
    }

    /// s of R s = b. None if R is singular.
    pub(super) fn solve(&self, b: &[f64]) -> Option<Vec<f64>> {
        let mut s = b.to_vec();
        for row in (0..self.size).rev() {
            let known: f64 = (row + 1..self.size).map(|column| self.at(row, column) * s[column]).sum();
            s[row] = (s[row] - known) / self.at(row, row);
        }
        s.iter().all(|value| value.is_finite()).then_some(s)
    }

    /// z of R' z = b. None if R is singular.
    pub(super) fn solve_transposed(&self, b: &[f64]) -> Option<Vec<f64>> {
        let mut z = b.to_vec();
        for row in 0..self.size {
            let known: f64 = (0..row).map(|above| self.at(above, row) * z[above]).sum();
            z[row] = (z[row] - known) / self.at(row, row);
        }
        z.iter().all(|value| value.is_finite()).then_some(z)
    }
}

/// The scalar product, in eight parallel sums: faster than one, with smaller rounding errors.
#[inline]
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    let (a, b) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f64 = a.remainder().iter().zip(b.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a.zip(b) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += a * b;
        }
    }
    rest + sums.iter().sum::<f64>()
}
