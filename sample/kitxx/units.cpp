#include "units.hpp"

static_assert((6.0_m / 2.0_s).value() == 3.0);
static_assert(1.0_m < 0.5_m + 0.6_m);

Length distance(Speed top, Acceleration change, Time rolling)
{
    const Time speeding_up = top / change;
    const Quantity<0, 0> half(0.5);
    const Length to_top = half * change * speeding_up * speeding_up;
    return to_top + top * rolling + to_top;
}
