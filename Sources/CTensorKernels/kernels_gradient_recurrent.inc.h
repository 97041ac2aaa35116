// Steps of recurrent layers that keep what their gradients need, and those gradients. `v` is a gate's argument, `value`
// its value, from which sigmoid, tanh and relu have their slopes.

static void TYPED(gate_values)(mk_gate_function function, REAL *v, size_t n) {
    switch (function) {
    case MK_GATE_SIGMOID:
        INDEPENDENT
        for (size_t i = 0; i < n; i++) v[i] = SIGMOID(v[i]);
        break;
    case MK_GATE_TANH:
        INDEPENDENT
        for (size_t i = 0; i < n; i++) v[i] = TANH(v[i]);
        break;
    default:
        INDEPENDENT
        for (size_t i = 0; i < n; i++) v[i] = v[i] < 0 ? 0 : v[i];
        break;
    }
}

// gradient *= slope
static void TYPED(gate_slopes)(mk_gate_function function, const REAL *value, REAL *gradient, size_t n) {
    switch (function) {
    case MK_GATE_SIGMOID:
        INDEPENDENT
        for (size_t i = 0; i < n; i++) gradient[i] *= value[i] * (1 - value[i]);
        break;
    case MK_GATE_TANH:
        INDEPENDENT
        for (size_t i = 0; i < n; i++) gradient[i] *= 1 - value[i] * value[i];
        break;
    default:
        INDEPENDENT
        for (size_t i = 0; i < n; i++) gradient[i] = value[i] > 0 ? gradient[i] : 0;
        break;
    }
}

static void TYPED(rnn_forward)(mk_gate_function f, size_t rows, size_t n, const uint8_t *active, REAL *gates,
                               const REAL *hidden, REAL *next_hidden) {
    for (size_t r = 0; r < rows; r++, gates += n, hidden += n, next_hidden += n) {
        TYPED(gate_values)(f, gates, n);
        memcpy(next_hidden, active && !active[r] ? hidden : gates, n * sizeof(REAL));
    }
}

static void TYPED(rnn_backward)(mk_gate_function f, size_t rows, size_t n, const uint8_t *active, const REAL *gates,
                                REAL *dhidden, REAL *dgates) {
    for (size_t r = 0; r < rows; r++, gates += n, dhidden += n, dgates += n) {
        if (active && !active[r]) {
            memset(dgates, 0, n * sizeof(REAL));
            continue;
        }
        memcpy(dgates, dhidden, n * sizeof(REAL));
        memset(dhidden, 0, n * sizeof(REAL));
        TYPED(gate_slopes)(f, gates, dgates, n);
    }
}

static void TYPED(lstm_forward)(const mk_gate_function *functions, size_t rows, size_t n, const uint8_t *active,
                                REAL *gates, const REAL *hidden, const REAL *state, REAL *next_hidden,
                                REAL *next_state, REAL *squashed) {
    for (size_t r = 0; r < rows; r++, gates += 4 * n, hidden += n, state += n, next_hidden += n, next_state += n,
                squashed += n) {
        const REAL *input = gates, *output = gates + n, *forget = gates + 2 * n, *fresh = gates + 3 * n;
        TYPED(gate_values)(functions[0], gates, 3 * n);
        TYPED(gate_values)(functions[1], gates + 3 * n, n);
        if (active && !active[r]) {
            memcpy(next_hidden, hidden, n * sizeof(REAL));
            memcpy(next_state, state, n * sizeof(REAL));
            continue;
        }
        INDEPENDENT
        for (size_t i = 0; i < n; i++) {
            const REAL c = forget[i] * state[i] + input[i] * fresh[i];
            next_state[i] = c;
            squashed[i] = c;
        }
        TYPED(gate_values)(functions[2], squashed, n);
        INDEPENDENT
        for (size_t i = 0; i < n; i++) next_hidden[i] = output[i] * squashed[i];
    }
}

static void TYPED(lstm_backward)(const mk_gate_function *functions, size_t rows, size_t n, const uint8_t *active,
                                 const REAL *gates, const REAL *state, const REAL *squashed, REAL *dhidden,
                                 REAL *dstate, REAL *dgates) {
    for (size_t r = 0; r < rows; r++, gates += 4 * n, state += n, squashed += n, dhidden += n, dstate += n,
                dgates += 4 * n) {
        if (active && !active[r]) {
            memset(dgates, 0, 4 * n * sizeof(REAL));
            continue;
        }
        const REAL *input = gates, *output = gates + n, *forget = gates + 2 * n, *fresh = gates + 3 * n;
        REAL *dinput = dgates, *doutput = dgates + n, *dforget = dgates + 2 * n, *dfresh = dgates + 3 * n;
        INDEPENDENT
        for (size_t i = 0; i < n; i++) {
            doutput[i] = dhidden[i] * squashed[i];
            dhidden[i] *= output[i];
        }
        TYPED(gate_slopes)(functions[2], squashed, dhidden, n);
        INDEPENDENT
        for (size_t i = 0; i < n; i++) {
            const REAL d = dstate[i] + dhidden[i];
            dinput[i] = d * fresh[i];
            dforget[i] = d * state[i];
            dfresh[i] = d * input[i];
            dstate[i] = d * forget[i];
            dhidden[i] = 0;
        }
        TYPED(gate_slopes)(functions[0], gates, dgates, 3 * n);
        TYPED(gate_slopes)(functions[1], fresh, dfresh, n);
    }
}

static void TYPED(gru_gates)(mk_gate_function f, int resets_after, size_t rows, size_t n, REAL *gates,
                             const REAL *hidden, REAL *extra) {
    for (size_t r = 0; r < rows; r++, gates += 3 * n, hidden += n, extra += n) {
        TYPED(gate_values)(f, gates, 2 * n);
        if (resets_after) continue;
        INDEPENDENT
        for (size_t i = 0; i < n; i++) extra[i] = gates[n + i] * hidden[i];
    }
}

static void TYPED(gru_forward)(mk_gate_function g, int resets_after, size_t rows, size_t n, const uint8_t *active,
                               REAL *gates, const REAL *hidden, const REAL *extra, REAL *next_hidden) {
    for (size_t r = 0; r < rows; r++, gates += 3 * n, hidden += n, extra += n, next_hidden += n) {
        const REAL *update = gates, *reset = gates + n;
        REAL *fresh = gates + 2 * n;
        if (resets_after) {
            INDEPENDENT
            for (size_t i = 0; i < n; i++) fresh[i] += reset[i] * extra[i];
        }
        TYPED(gate_values)(g, fresh, n);
        if (active && !active[r]) {
            memcpy(next_hidden, hidden, n * sizeof(REAL));
            continue;
        }
        INDEPENDENT
        for (size_t i = 0; i < n; i++) next_hidden[i] = (1 - update[i]) * fresh[i] + update[i] * hidden[i];
    }
}

static void TYPED(gru_backward)(mk_gate_function f, mk_gate_function g, int resets_after, size_t rows, size_t n,
                                const uint8_t *active, const REAL *gates, const REAL *hidden, const REAL *extra,
                                REAL *dhidden, REAL *dgates, REAL *dextra) {
    for (size_t r = 0; r < rows; r++, gates += 3 * n, hidden += n, extra += n, dhidden += n, dgates += 3 * n,
                dextra += n) {
        if (active && !active[r]) {
            memset(dgates, 0, 3 * n * sizeof(REAL));
            memset(dextra, 0, n * sizeof(REAL));
            continue;
        }
        const REAL *update = gates, *reset = gates + n, *fresh = gates + 2 * n;
        REAL *dupdate = dgates, *dreset = dgates + n, *dfresh = dgates + 2 * n;
        INDEPENDENT
        for (size_t i = 0; i < n; i++) {
            dfresh[i] = dhidden[i] * (1 - update[i]);
            dupdate[i] = dhidden[i] * (hidden[i] - fresh[i]);
            dhidden[i] *= update[i];
        }
        TYPED(gate_slopes)(g, fresh, dfresh, n);
        if (resets_after) {
            INDEPENDENT
            for (size_t i = 0; i < n; i++) {
                dreset[i] = dfresh[i] * extra[i];
                dextra[i] = dfresh[i] * reset[i];
            }
            TYPED(gate_slopes)(f, gates, dgates, 2 * n);
        } else {
            TYPED(gate_slopes)(f, update, dupdate, n);
        }
    }
}

static void TYPED(gru_backward_reset)(mk_gate_function f, size_t rows, size_t n, const REAL *gates, const REAL *hidden,
                                      const REAL *dextra, REAL *dhidden, REAL *dgates) {
    for (size_t r = 0; r < rows; r++, gates += 3 * n, hidden += n, dextra += n, dhidden += n, dgates += 3 * n) {
        const REAL *reset = gates + n;
        REAL *dreset = dgates + n;
        INDEPENDENT
        for (size_t i = 0; i < n; i++) {
            dreset[i] = dextra[i] * hidden[i];
            dhidden[i] += dextra[i] * reset[i];
        }
        TYPED(gate_slopes)(f, reset, dreset, n);
    }
}
