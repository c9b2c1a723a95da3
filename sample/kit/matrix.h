/* Square matrices of doubles, row after row. */
#ifndef KIT_MATRIX_H
#define KIT_MATRIX_H
#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

void matrix_identity(double *out, int size);
void matrix_multiply(double *out, const double *left, const double *right, int size);
void matrix_transpose(double *matrix, int size);
double matrix_determinant(const double *matrix, int size);
/* Solves `matrix * x = right` in place of both; false where there is no single answer. */
bool matrix_solve(double *matrix, double *right, int size);

#ifdef __cplusplus
}
#endif
#endif
