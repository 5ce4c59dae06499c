/** Version of the product, as REST, logs and the CLI show it. */
export const version = '0.1.0'
