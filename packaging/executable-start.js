/** Required by the first code of the single executable, which cannot import. */
void import("./main.js");
