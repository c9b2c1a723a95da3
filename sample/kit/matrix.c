#include "matrix.h"

#include <stdlib.h>
#include <string.h>

static double magnitude(double value)
{
    return value < 0 ? -value : value;
}

void matrix_identity(double *out, int size)
{
    for (int i = 0; i < size * size; i++)
        out[i] = i % (size + 1) == 0;
}

void matrix_multiply(double *out, const double *left, const double *right, int size)
{
    for (int row = 0; row < size; row++)
        for (int column = 0; column < size; column++) {
            double sum = 0;
            for (int i = 0; i < size; i++)
                sum += left[row * size + i] * right[i * size + column];
            out[row * size + column] = sum;
        }
}

void matrix_transpose(double *matrix, int size)
{
    for (int row = 0; row < size; row++)
        for (int column = 0; column < row; column++) {
            double kept = matrix[row * size + column];
            matrix[row * size + column] = matrix[column * size + row];
            matrix[column * size + row] = kept;
        }
}

static int pivot_row(const double *matrix, int size, int column)
{
    int best = column;
    for (int row = column + 1; row < size; row++)
        if (magnitude(matrix[row * size + column]) > magnitude(matrix[best * size + column]))
            best = row;
    return best;
}

/* Gauss with row exchanges, on `right` too unless it is NULL; gives the determinant. */
static double eliminate(double *matrix, double *right, int size)
{
    double determinant = 1;
    for (int column = 0; column < size; column++) {
        int pivot = pivot_row(matrix, size, column);
        if (matrix[pivot * size + column] == 0)
            return 0;
        for (int i = 0; pivot != column && i < size; i++) {
            double kept = matrix[pivot * size + i];
            matrix[pivot * size + i] = matrix[column * size + i];
            matrix[column * size + i] = kept;
        }
        if (pivot != column) {
            determinant = -determinant;
            if (right) {
                double kept = right[pivot];
                right[pivot] = right[column];
                right[column] = kept;
            }
        }
        determinant *= matrix[column * size + column];
        for (int row = column + 1; row < size; row++) {
            double factor = matrix[row * size + column] / matrix[column * size + column];
            for (int i = column; i < size; i++)
                matrix[row * size + i] -= factor * matrix[column * size + i];
            if (right)
                right[row] -= factor * right[column];
        }
    }
    return determinant;
}

double matrix_determinant(const double *matrix, int size)
{
    size_t bytes = sizeof *matrix * (size_t)(size * size);
    double *copy = malloc(bytes);
    if (!copy)
        abort();
    memcpy(copy, matrix, bytes);
    double determinant = eliminate(copy, NULL, size);
    free(copy);
    return determinant;
}

bool matrix_solve(double *matrix, double *right, int size)
{
    if (eliminate(matrix, right, size) == 0)
        return false;
    for (int row = size - 1; row >= 0; row--) {
        for (int i = row + 1; i < size; i++)
            right[row] -= matrix[row * size + i] * right[i];
        right[row] /= matrix[row * size + row];
    }
    return true;
}
