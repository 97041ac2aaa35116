// Steps of recurrent cells: what follows a step's matrix product. Every row by itself, every unit by itself.

INLINE float bounded(float x, float clip) {
    const float raised = x < -clip ? -clip : x;
    return raised > clip ? clip : raised;
}

#define EACH_GATE(expression)             \
    INDEPENDENT                           \
    for (size_t i = 0; i < n; i++) {      \
        const float x = bounded(v[i], clip); \
        v[i] = (expression);              \
    }                                     \
    break

// v = function(clip(v))
static void apply_gate(const mk_gate *gate, float clip, float *v, size_t n) {
    const float alpha = gate->alpha, beta = gate->beta;
    switch (gate->function) {
    case MK_GATE_SIGMOID: EACH_GATE(sigmoid_element(x));
    case MK_GATE_TANH: EACH_GATE(tanh_element(x));
    case MK_GATE_RELU: EACH_GATE(x < 0 ? 0.0f : x);
    case MK_GATE_AFFINE: EACH_GATE(alpha * x + beta);
    case MK_GATE_LEAKY_RELU: EACH_GATE(x < 0 ? alpha * x : x);
    case MK_GATE_THRESHOLDED_RELU: EACH_GATE(x > alpha || x != x ? x : 0.0f);
    case MK_GATE_SCALED_TANH: EACH_GATE(alpha * tanh_element(beta * x));
    case MK_GATE_HARD_SIGMOID: EACH_GATE(bounded(x * alpha + beta - 0.5f, 0.5f) + 0.5f);
    case MK_GATE_ELU: EACH_GATE(x < 0 ? alpha * exp_minus_one_element(x) : x);
    case MK_GATE_SOFTSIGN: EACH_GATE(x / (1.0f + __builtin_fabsf(x)));
    case MK_GATE_SOFTPLUS: EACH_GATE(softplus_element(x));
    }
}
#undef EACH_GATE

static void rnn_step(const mk_recurrent_cell *cell, size_t rows, size_t n, const float *projected, size_t stride,
                     float *product, float *hidden) {
    for (size_t r = 0; r < rows; r++, projected += stride, product += n, hidden += n) {
        INDEPENDENT
        for (size_t i = 0; i < n; i++) hidden[i] = projected[i] + product[i];
        apply_gate(&cell->f, cell->clip, hidden, n);
        INDEPENDENT
        for (size_t i = 0; i < n; i++) hidden[i] = canonical(hidden[i]);
    }
}

// The cell that nearly every model has, in one pass.
INLINE void lstm_row(size_t n, const float *projected, const float *product, float *state, float *hidden) {
    INDEPENDENT
    for (size_t i = 0; i < n; i++) {
        const float input = sigmoid_element(projected[i] + product[i]);
        const float output = sigmoid_element(projected[n + i] + product[n + i]);
        const float forget = sigmoid_element(projected[2 * n + i] + product[2 * n + i]);
        const float fresh = tanh_element(projected[3 * n + i] + product[3 * n + i]);
        const float c = canonical(forget * state[i] + input * fresh);
        state[i] = c;
        hidden[i] = canonical(output * tanh_element(c));
    }
}

static void lstm_step(const mk_recurrent_cell *cell, size_t rows, size_t n, const float *projected, size_t stride,
                      float *product, float *state, float *hidden) {
    const int is_usual = cell->f.function == MK_GATE_SIGMOID && cell->g.function == MK_GATE_TANH
        && cell->h.function == MK_GATE_TANH && cell->clip == __builtin_inff() && !cell->peepholes
        && !cell->couples_gates;
    for (size_t r = 0; r < rows; r++, projected += stride, product += 4 * n, state += n, hidden += n) {
        if (is_usual) {
            lstm_row(n, projected, product, state, hidden);
            continue;
        }
        const float *p = cell->peepholes;
        float *input = product, *output = product + n, *forget = product + 2 * n, *fresh = product + 3 * n;
        INDEPENDENT
        for (size_t i = 0; i < 4 * n; i++) product[i] += projected[i];
        if (p) {
            INDEPENDENT
            for (size_t i = 0; i < n; i++) {
                input[i] += p[i] * state[i];
                forget[i] += p[2 * n + i] * state[i];
            }
        }
        apply_gate(&cell->f, cell->clip, input, n);
        if (cell->couples_gates) {
            INDEPENDENT
            for (size_t i = 0; i < n; i++) forget[i] = 1.0f - input[i];
        } else {
            apply_gate(&cell->f, cell->clip, forget, n);
        }
        apply_gate(&cell->g, cell->clip, fresh, n);
        INDEPENDENT
        for (size_t i = 0; i < n; i++) {
            const float c = canonical(forget[i] * state[i] + input[i] * fresh[i]);
            state[i] = c;
            hidden[i] = c;
        }
        if (p) {
            INDEPENDENT
            for (size_t i = 0; i < n; i++) output[i] += p[n + i] * state[i];
        }
        apply_gate(&cell->f, cell->clip, output, n);
        apply_gate(&cell->h, cell->clip, hidden, n);
        INDEPENDENT
        for (size_t i = 0; i < n; i++) hidden[i] = canonical(output[i] * hidden[i]);
    }
}

static void gru_gates(const mk_recurrent_cell *cell, size_t rows, size_t n, const float *projected, size_t stride,
                      float *product, const float *hidden, float *reset) {
    for (size_t r = 0; r < rows; r++, projected += stride, product += 2 * n, hidden += n, reset += n) {
        INDEPENDENT
        for (size_t i = 0; i < 2 * n; i++) product[i] += projected[i];
        apply_gate(&cell->f, cell->clip, product, 2 * n);
        INDEPENDENT
        for (size_t i = 0; i < n; i++) reset[i] = product[n + i] * hidden[i];
    }
}

INLINE void gru_blend(size_t n, const float *update, const float *candidate, float *hidden) {
    INDEPENDENT
    for (size_t i = 0; i < n; i++)
        hidden[i] = canonical((1.0f - update[i]) * candidate[i] + update[i] * hidden[i]);
}

static void gru_update(const mk_recurrent_cell *cell, size_t rows, size_t n, const float *projected, size_t stride,
                       const float *gates, float *candidate, float *hidden) {
    for (size_t r = 0; r < rows; r++, projected += stride, gates += 2 * n, candidate += n, hidden += n) {
        INDEPENDENT
        for (size_t i = 0; i < n; i++) candidate[i] += projected[2 * n + i];
        apply_gate(&cell->g, cell->clip, candidate, n);
        gru_blend(n, gates, candidate, hidden);
    }
}

static void gru_step(const mk_recurrent_cell *cell, size_t rows, size_t n, const float *projected, size_t stride,
                     float *product, float *hidden) {
    for (size_t r = 0; r < rows; r++, projected += stride, product += 3 * n, hidden += n) {
        float *update = product, *reset = product + n, *candidate = product + 2 * n;
        INDEPENDENT
        for (size_t i = 0; i < 2 * n; i++) product[i] += projected[i];
        apply_gate(&cell->f, cell->clip, product, 2 * n);
        INDEPENDENT
        for (size_t i = 0; i < n; i++) candidate[i] = projected[2 * n + i] + reset[i] * candidate[i];
        apply_gate(&cell->g, cell->clip, candidate, n);
        gru_blend(n, update, candidate, hidden);
    }
}
