/* Days of the Gregorian calendar, counted from 1970-01-01. */
#ifndef KIT_DATE_H
#define KIT_DATE_H
#include <stdbool.h>

struct date {
    int year, month, day;
};

bool date_is_valid(struct date date);
long date_to_days(struct date date);
struct date date_from_days(long days);
int date_weekday(long days); /* 0 is Monday */
bool date_parse(struct date *date, const char *iso);

#endif
