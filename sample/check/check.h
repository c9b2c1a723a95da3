/* The smallest possible test frame. */
#ifndef CHECK_H
#define CHECK_H

extern int checks_made, checks_failed;
void check_report(const char *file, int line, const char *what, int holds);

#define CHECK(condition) check_report(__FILE__, __LINE__, #condition, (condition) ? 1 : 0)
#define CHECK_TEXT(found, wanted) CHECK(strcmp((found), (wanted)) == 0)

#endif
